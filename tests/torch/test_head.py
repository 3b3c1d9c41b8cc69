"""A hashed last layer as a module of PyTorch: gradients, steps, state, and what it refuses."""

import copy
import io
import pickle
import threading

import numpy as np
import pytest

import fewfire as ff

pytest.importorskip("torch.nn", reason="PyTorch is not installed")

import torch

from fewfire.torch import FusedOptimizer, HashedSoftmaxWithLoss

D, N, BATCH = 12, 60, 7
EVERY_ROW = ff.gates.Retrieve(candidates=N, negatives=0, head=0, thin=0.0)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def full_head(**options):
    """A head that computes every row, with weights that are not 0."""
    head = HashedSoftmaxWithLoss(D, N, gate=EVERY_ROW, n_jobs=1, **options)
    with torch.no_grad():
        head.weight.copy_(torch.randn(N, D))
        head.bias.copy_(torch.randn(N))
    head.refresh()
    return head


def batch(n=BATCH):
    return torch.randn(n, D, requires_grad=True), torch.randint(N, (n,))


def exact(head, hidden, target, reduction="mean"):
    """What PyTorch's own layer gives: the loss, and the gradients of hidden, weight and bias."""
    own = [x.detach().clone().requires_grad_() for x in (hidden, head.weight, head.bias)]
    loss = torch.nn.functional.cross_entropy(
        own[0] @ own[1].T + own[2], target, reduction=reduction
    )
    loss.sum().backward()
    return loss.detach(), [x.grad for x in own]


def relative(a, b):
    return float((a - b).norm() / b.norm())


def dense(gradient):
    return gradient.to_dense() if gradient.is_sparse else gradient


def step(head, i, n=BATCH):
    """A batch of its own, and a step; returns the loss."""
    g = torch.Generator().manual_seed(i)
    hidden = torch.randn(n, head.in_features, generator=g)
    loss = head(hidden, torch.randint(head.n_classes, (n,), generator=g)).loss
    loss.backward()
    head.step()
    return loss.item()


@pytest.mark.parametrize("update", ["fused", "sparse"])
def test_gradients_are_those_of_the_full_softmax(update):
    head, (hidden, target) = full_head(update=update), batch()
    want, gradients = exact(head, hidden, target)
    output, loss = head(hidden, target)
    loss.backward()
    assert loss.item() == pytest.approx(want.item(), rel=1e-5)
    assert output.mean().item() == pytest.approx(-loss.item(), rel=1e-6)
    assert relative(hidden.grad, gradients[0]) < 1e-5
    if update == "sparse":
        assert relative(dense(head.weight.grad), gradients[1]) < 1e-5
        assert relative(dense(head.bias.grad), gradients[2]) < 1e-5


@pytest.mark.parametrize("loss", ["softmax", "decoupled", "logistic"])
def test_labels_as_a_matrix_dense_or_sparse(loss):
    head = full_head(loss=loss)
    hidden = torch.randn(BATCH, D)
    labels = (torch.rand(BATCH, N) < 0.1).int()
    labels[:, 0] = 1
    a, b = head(hidden, labels).output, head(hidden, labels.to_sparse()).output
    assert torch.allclose(a, b)
    scores = hidden @ head.weight.T + head.bias
    if loss == "logistic":
        want = torch.nn.functional.binary_cross_entropy_with_logits(
            scores, labels.float(), reduction="none"
        ).sum(1)
    else:
        others = scores.masked_fill(labels == 1, -torch.inf).logsumexp(1, keepdim=True)
        whole = scores.logsumexp(1, keepdim=True)
        own = torch.logaddexp(others, scores) if loss == "decoupled" else whole
        want = ((own - scores) * labels).sum(1) / labels.sum(1)
    assert torch.allclose(-a, want, rtol=1e-4, atol=1e-4)


def test_weights_and_ignored_examples_count_as_they_say():
    head, (hidden, target) = full_head(), batch()
    target[2], weight = -100, torch.rand(BATCH)
    kept = torch.arange(BATCH) != 2
    want, _ = exact(head, hidden[kept], target[kept], "none")
    output, loss = head(hidden, target, weight)
    assert output[2] == 0
    assert loss.item() == pytest.approx(
        float((want * weight[kept]).sum() / weight[kept].sum()), rel=1e-5
    )
    loss.backward()
    assert not hidden.grad[2].any()


@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")  # PyTorch, adding up
@pytest.mark.parametrize("update", ["fused", "sparse"])
def test_four_small_batches_are_one_large_one(update):
    hidden, target = batch(8)

    def learned(parts):
        head = full_head(update=update)
        with torch.no_grad():
            head.weight.copy_(torch.linspace(-1, 1, N * D).reshape(N, D))
            head.bias.zero_()
        head.refresh()
        own = FusedOptimizer(head) if update == "fused" else torch.optim.Adagrad(head.parameters())
        for x, y in zip(hidden.chunk(parts), target.chunk(parts), strict=True):
            (head(x, y).loss / parts).backward()
        own.step()
        return head.weight.detach().clone()

    before = torch.linspace(-1, 1, N * D).reshape(N, D)
    one, four = learned(1), learned(4)
    assert relative(four - before, one - before) < 1e-4


def test_scaled_losses_and_two_losses_add_up():
    head, (hidden, target) = full_head(update="sparse"), batch()
    _, gradients = exact(head, hidden, target)
    (3 * head(hidden, target).loss + head(hidden, target).loss).backward()
    assert relative(hidden.grad, 4 * gradients[0]) < 1e-4
    assert relative(dense(head.weight.grad), 4 * gradients[1]) < 1e-4


def test_clipping_scales_what_rows_learn_from():
    head, (hidden, target) = full_head(optimizer=ff.optim.SGD(lr=1.0)), batch()
    before = head.weight.detach().clone()
    _, (_, weight, bias) = exact(head, hidden, target)
    head(hidden, target).loss.backward()
    norm = head.clip_grad_norm_(0.1)
    assert norm.item() == pytest.approx(float(torch.cat([weight.flatten(), bias]).norm()), rel=1e-4)
    head.step()
    assert relative(before - head.weight, weight * 0.1 / norm) < 1e-3


@pytest.mark.parametrize(
    "optimizer", [torch.optim.SGD, torch.optim.Adagrad, torch.optim.SparseAdam]
)
def test_optimizers_of_pytorch_that_know_sparse_gradients_learn(optimizer):
    head = HashedSoftmaxWithLoss(D, 500, update="sparse", n_jobs=1)
    own, (hidden, target) = optimizer(head.parameters(), lr=0.1), batch()
    first = head(hidden, target).loss.item()
    for _ in range(30):
        own.zero_grad()
        loss = head(hidden, target).loss
        loss.backward()
        own.step()
    assert loss.item() < first / 2
    assert head.loop.step == 29  # a step ends when the next begins


def test_others_say_so():
    head, (hidden, target) = full_head(update="sparse"), batch()
    own = torch.optim.Adam(head.parameters())
    head(hidden, target).loss.backward()
    with pytest.raises(RuntimeError, match="sparse gradients"):
        own.step()


def test_a_training_is_that_of_a_trainer_to_the_bit():
    """One example an epoch, so that nobody shuffles; the core's own test has batches of many."""
    X, y = np.random.default_rng(0).normal(size=(1, D)).astype(np.float32), np.array([[0] * N])
    y[0, 7] = 1
    rms = ff.optim.RMS(lr=0.01, rowwise=True)
    head = HashedSoftmaxWithLoss(D, N, gate=EVERY_ROW, optimizer=rms, n_jobs=1)
    net = ff.Network(ff.Linear(D, N, gate=EVERY_ROW, gain=0.0))
    net.layers[0].bias[...] = 1e-3  # those of a new layer a training would set
    with torch.no_grad():
        head.bias.fill_(1e-3)
    constant = ff.optim.Constant()
    ff.Trainer(
        net, loss="softmax", optimizer=rms, schedule=constant, batch_size=1, max_epochs=8, n_jobs=1
    ).fit(X, y)
    for _ in range(8):
        head(torch.from_numpy(X), torch.tensor([7])).loss.backward()
        head.step()
    assert np.array_equal(net.layers[0].weights, head.weight.detach().numpy())
    assert np.array_equal(net.layers[0].bias, head.bias.detach().numpy())


def test_evaluation_is_exact_and_draws_nothing():
    head = HashedSoftmaxWithLoss(D, 500, n_jobs=1)
    for i in range(30):
        step(head, i)
    hidden, target = batch()
    draws = head.loop.draws
    for output, loss in [head.eval()(hidden, target), no_grad(head.train(), hidden, target)]:
        scores = hidden @ head.weight.T + head.bias
        want = torch.nn.functional.cross_entropy(scores, target)
        assert loss.item() == pytest.approx(want.item(), rel=1e-4)
        assert torch.allclose(
            head.log_prob(hidden).gather(1, target[:, None])[:, 0], output, atol=1e-4
        )
    assert head.loop.draws == draws


def no_grad(head, hidden, target):
    with torch.no_grad():
        return head(hidden, target)


def test_topk_through_the_gate_and_exact():
    head, (hidden, _) = full_head(), batch()
    want = (hidden @ head.weight.T + head.bias).topk(5)
    for is_exact in (False, True):
        scores, classes = head.topk(hidden, 5, exact=is_exact)
        assert torch.equal(classes, want.indices)
        assert torch.allclose(scores, want.values, atol=1e-4)
    assert torch.equal(head.predict(hidden), want.indices[:, 0])
    assert head.recall(hidden, 5) == 1.0


@pytest.mark.parametrize("n_steps", [5, 30, 130])
def test_a_state_goes_on_to_the_bit(n_steps):
    """Before the first fit, after it, and in the middle of a refit."""
    made = {"gate": ff.gates.Retrieve(candidates=20, negatives=16), "n_jobs": 1}
    head = HashedSoftmaxWithLoss(D, 2000, **made)
    for i in range(n_steps):
        step(head, i)
    kept = io.BytesIO()
    torch.save(head.state_dict(), kept)
    kept.seek(0)
    other = HashedSoftmaxWithLoss(D, 2000, **made)
    other.load_state_dict(torch.load(kept))
    for i in range(200, 330):
        assert step(head, i) == step(other, i)
    for name, value in head.state_dict().items():
        if torch.is_tensor(value):
            assert torch.equal(value, other.state_dict()[name]), name


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_have_memory_of_their_own(travel):
    head = HashedSoftmaxWithLoss(D, 300, n_jobs=1).eval()
    twin = travel(head)
    assert not twin.training
    step(head.train(), 0)
    assert head.weight.any()
    assert not twin.weight.any()
    assert step(twin.train(), 0) > 0


def test_weights_from_elsewhere_are_hashed_before_they_are_used():
    linear = torch.nn.Linear(D, 500)
    head = HashedSoftmaxWithLoss.from_linear(linear, n_jobs=1)
    assert torch.equal(head.weight, linear.weight)
    other = HashedSoftmaxWithLoss(D, 500, n_jobs=1)
    other.load_state_dict({"weight": linear.weight, "bias": linear.bias}, strict=False)
    hidden = torch.randn(20, D)
    assert torch.equal(head.topk(hidden, 3)[1], other.topk(hidden, 3)[1])


def test_counts_are_where_biases_start():
    counts = torch.arange(300)
    head = HashedSoftmaxWithLoss(D, 300, counts=counts, n_jobs=1)
    want = torch.log((counts + 0.5) / (counts + 0.5).sum())
    assert torch.allclose(head.bias, want.float(), atol=1e-5)


def test_schedules_change_the_rate_of_a_fused_update():
    def moved(lr):
        head, (hidden, target) = full_head(optimizer=ff.optim.SGD(lr=0.5)), batch()
        before = head.weight.detach().clone()
        own = FusedOptimizer(head, lr=lr)
        own.zero_grad()
        head(hidden, target).loss.backward()
        own.step()
        return (head.weight - before).norm().item()

    torch.manual_seed(3)
    one = moved(0.1)
    torch.manual_seed(3)
    assert moved(0.05) == pytest.approx(one / 2, rel=1e-3)


def test_autocast_widens_hidden_values():
    head, (hidden, target) = full_head(), batch()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = torch.nn.functional.linear(hidden, torch.eye(D))
        loss = head(low, target).loss
    loss.backward()
    assert low.dtype == torch.bfloat16
    assert loss.dtype == torch.float32
    assert hidden.grad.any()


def test_bfloat16_weights_learn():
    head = HashedSoftmaxWithLoss(D, 300, dtype="bfloat16", n_jobs=1)
    assert head.weight.dtype == torch.bfloat16
    step(head, 0)
    assert head.weight.any()
    assert head.log_prob(torch.randn(2, D)).shape == (2, 300)


def test_threads_may_use_one_head():
    head, (hidden, target) = full_head(), batch()
    want = head(hidden, target).output.detach()
    got = []

    def work():
        got.append(head(hidden.detach(), target).output.detach())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.allclose(x, want) for x in got)
    assert len(got) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.half(), "cannot become torch.float16"),
        (lambda h: h.double(), "cannot become torch.float64"),
        (lambda h: h.to("meta"), "cannot move to meta"),
        (lambda h: h.share_memory(), "shared memory"),
        (lambda h: h.load_state_dict(h.state_dict(), assign=True), "assign=True"),
    ],
)
def test_memory_stays_where_the_core_knows_it(change, message):
    head = full_head()
    with pytest.raises(RuntimeError, match=message):
        change(head)
    assert head.to("cpu") is head
    assert head.float() is head


@pytest.mark.parametrize(
    ("hidden", "target", "message"),
    [
        (torch.zeros(3, D + 1), torch.zeros(3, dtype=torch.long), r"hidden must be \(batch, 12\)"),
        (torch.zeros(3, D), torch.zeros(4, dtype=torch.long), "4 classes for 3 examples"),
        (torch.zeros(3, D), torch.full((3,), N), "a class must be in 0 .. 59"),
        (torch.zeros(3, D), torch.tensor([0, -1, 2]), "a class must be in 0 .. 59"),
        (torch.zeros(3, D), torch.zeros(3), "classes must be whole numbers"),
        (torch.zeros(3, D), torch.zeros(3, N - 1), "target must be"),
        (torch.zeros(3, D), torch.full((3, N), 0.5), "labels must be 0 or 1"),
    ],
)
def test_bad_batches_are_refused(hidden, target, message):
    head = full_head()
    with pytest.raises(ValueError, match=message):
        head(hidden, target)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"update": "lazy"}, "update must be"),
        ({"loss": "squared"}, "loss must be"),
        ({"update": "sparse", "optimizer": ff.optim.SGD()}, "optimizer is for"),
        ({"update": "sparse", "dtype": "bfloat16"}, 'needs dtype="float32"'),
        (
            {"update": "sparse", "gate": ff.gates.Retrieve(family="sign")},
            "needs a family of tables",
        ),
        ({"counts": torch.ones(3)}, "counts must be"),
        ({"counts": -torch.ones(N)}, "must not be negative"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        HashedSoftmaxWithLoss(D, N, **options)


def test_a_forgotten_step_is_noticed():
    head = full_head()
    hidden, target = batch(1)
    for _ in range(256):
        head(hidden, target).loss.backward()
    one_more = head(hidden, target).loss
    with pytest.raises(RuntimeError, match=r"call head.step\(\)"):
        one_more.backward()


def test_no_examples_are_no_loss():
    head = full_head()
    hidden = torch.zeros(0, D, requires_grad=True)
    output, loss = head(hidden, torch.zeros(0, dtype=torch.long))
    loss.backward()
    assert output.shape == (0,)
    assert loss.item() == 0
