"""Counters of energy as the kernel lays them out, in a folder."""

import os

RANGE = 262_143_328_850  # microjoules, as on many servers
JOULE = 1_000_000


class Machine:
    """A tree as the kernel lays it out: nested zones, and a flat folder of links to them."""

    def __init__(self, folder):
        self.root, self.devices = folder / "class", folder / "devices"
        self.root.mkdir()
        (self.root / "intel-rapl").mkdir()

    def add(self, zone, name, energy=0, size=RANGE):
        control, *numbers = zone.split(":")
        parts = [":".join([control, *numbers[: i + 1]]) for i in range(len(numbers))]
        folder = self.devices.joinpath(*parts)
        folder.mkdir(parents=True)
        (folder / "name").write_text(f"{name}\n")
        (folder / "max_energy_range_uj").write_text(f"{size}\n")
        (self.root / zone).symlink_to(folder)
        self.set(zone, energy)
        return self

    def file(self, zone):
        return (self.root / zone).resolve() / "energy_uj"

    def set(self, zone, energy):
        """Change a counter at once: a reader sees the old number or the new."""
        new = self.file(zone).with_name("new")
        new.write_text(f"{energy}\n")
        os.replace(new, self.file(zone))
