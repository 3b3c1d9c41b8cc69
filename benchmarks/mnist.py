"""The hashed net on MNIST with fewfire's defaults: accuracy, ledger and speed, a line per seed."""

from __future__ import annotations

import common
import fewfire as ff
from report import report

GATES = {
    "hashed": lambda options: ff.Hashed(options.density),
    "topk": lambda options: ff.gates.TopK(options.density),
    "dropout": lambda options: ff.gates.Dropout(options.density),
    "adaptive": lambda options: ff.gates.AdaptiveDropout(options.alpha, options.beta),
    "all": lambda options: ff.gates.All(),
}


def main() -> None:
    parser = common.make_parser(__doc__, hidden=[1000, 1000])
    option = parser.add_argument
    option("--gate", choices=GATES, default="hashed")
    option("--alpha", type=float, default=1.0, help="of adaptive")
    option("--beta", type=float, default=0.0, help="of adaptive")
    option("--threads", type=int, default=2)
    option("--test", action="store_true", help="read the test set after the last epoch")
    options = parser.parse_args()
    digits = common.load(options.folder)
    gate = GATES[options.gate](options)
    for seed in range(options.seeds):
        report(
            "mnist",
            **common.settings(gate, options, seed),
            **common.train(digits, gate, options, seed),
            threads=options.threads,
        )


if __name__ == "__main__":
    main()
