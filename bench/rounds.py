"""rounds.py: one network of one type in all systems, in turns: what a busy host does to one of them it does to all.

In each round every system has a turn: a run to warm up and some timed ones.  The ceilings are measured before and
after each turn, and a turn is judged by the mean of the two.  Rounds begin with another system each time.
"""
import datetime
import re
import statistics
import time

from common import note, relative_rms
from machine import available, cpu_ticks
from systems import Failed, TITLES, make

# Relative RMS from sdc's f32; beyond it is another function, not another rounding: deep networks with random weights
# carry bf16's as far as 0.22.
LIMITS = {"f32": 1e-3, "bf16": 0.5}
CEILINGS = {"f32": ("f32_gflops",), "bf16": ("bf16_gflops", "f32_gflops")}  # the highest counts


class Room:
    """Lets as many peers stay loaded as memory allows; the one that ran last has the longest to wait: it goes first."""

    def __init__(self):
        self.order = []

    def admit(self, system):
        loaded = [s for s in self.order if s.live and s is not system]
        while not system.live and available() < system.need():
            if not loaded:
                raise Failed(f"needs about {system.need() / 1e9:.1f} GB, {available() / 1e9:.1f} GB are free")
            loaded.pop().stop()
        system.start()
        self.order = [s for s in self.order if s is not system] + [system]

    def clear(self):
        for system in self.order:
            system.stop()


class Measurement:
    """One network, one type."""

    def __init__(self, model, dtype, options, ceilings, work):
        self.model, self.dtype, self.options, self.ceilings, self.work = model, dtype, options, ceilings, work
        self.room, self.systems, self.skipped, self.turns, self.difference = Room(), [], {}, {}, {}
        self.measured = []

    def skip(self, name, why):
        self.skipped[name] = re.sub(r"(/[^\s/:'\"]+)+/", "", str(why))       # results name no folders
        note(f"  {name}: skipped: {why}")

    def make(self, name):
        return make(name, self.model, self.dtype, self.options, self.work)

    def runs(self, reference):
        """Timed ones in a turn."""
        first = reference.turn(1)["median_ms"] / 1e3
        return max(1, min(self.options.runs, int(self.options.seconds / first)))

    def compare(self, system, reference):
        self.difference[system.name] = relative_rms(system.output, reference)
        if not self.difference[system.name] <= LIMITS[self.dtype]:
            raise Failed(f"computes something else: relative RMS {self.difference[system.name]:.2g} from sdc f32")

    def prepare(self, reference):
        """Starts every system once and compares its output.  reference: sdc in f32, built."""
        for name in self.options.systems:
            system = self.make(name)
            if name == "sdc" and self.dtype == "f32":
                system = reference
            try:
                if system is not reference:
                    note(f"  {name}: " + ("building" if name == "sdc" else "loading"))
                if name == "sdc" and system is not reference:
                    system.build()
                self.room.admit(system)
                self.compare(system, reference.output)
                self.systems.append(system)
                self.turns[name] = []
            except Failed as why:
                system.stop()
                self.skip(name, why)

    def take_turn(self, system, runs):
        try:
            self.room.admit(system)
            time.sleep(self.options.pause)
            before, (stolen, ticks) = self.measured[-1], cpu_ticks()
            turn = system.turn(runs)
        except (Failed, OSError) as why:
            system.stop()
            self.systems.remove(system)
            self.turns.pop(system.name)
            self.skip(system.name, why)
            return
        stolen_then, ticks_then = cpu_ticks()
        turn["stolen"] = (stolen_then - stolen) / max(ticks_then - ticks, 1)
        self.measured.append(self.ceilings.measure())
        turn["ceiling_gflops"] = statistics.mean(map(self.ceiling, (before, self.measured[-1])))
        self.turns[system.name].append(turn)

    def ceiling(self, measured):
        return max(measured.get(key, 0.0) for key in CEILINGS[self.dtype])

    def run(self, reference):
        try:
            self.prepare(reference)
            if not self.systems:
                return
            self.measured.append(self.ceilings.measure())
            runs = self.runs(reference)
            for round in range(self.options.rounds):
                turn = round % len(self.systems) if self.systems else 0
                for system in self.systems[turn:] + self.systems[:turn]:
                    self.take_turn(system, runs)
                note(f"  round {round + 1} of {self.options.rounds}: " + ", ".join(
                    f"{name} {turns[-1]['median_ms']:.4g} ms ({turns[-1]['stolen'] * 100:.0f} % stolen)" for name, turns in self.turns.items() if turns))
        finally:
            self.room.clear()

    # ---- what came of it ----

    def result(self):
        peers = [name for name in self.turns if name != "sdc"]
        fastest = min(peers, key=lambda name: self.median(name), default=None)
        rows = [self.row(system, fastest) for system in self.systems]
        return {"model": self.model.name, "batch": self.model.batch, "dtype": self.dtype,
                "date": str(datetime.date.today()), "threads": self.options.threads, "rounds": self.options.rounds,
                "inputs": {name: shape for name, (shape, _) in self.model.inputs.items()},
                "weight_bytes": self.model.weight_bytes, "gflop": self.model.flops / 1e9, "fastest_peer": fastest,
                "ceilings": self.ceilings_found(), "stolen": self.stolen_found(), "systems": rows, "skipped": self.skipped}

    def median(self, name):
        return statistics.median(turn["median_ms"] for turn in self.turns[name])

    def stolen_found(self):
        shares = [turn["stolen"] for turns in self.turns.values() for turn in turns]
        return {"median": statistics.median(shares), "most": max(shares)} if shares else None

    def ceilings_found(self):
        keys = dict.fromkeys(key for one in self.measured for key in one)
        values = {key: [one[key] for one in self.measured if key in one] for key in keys}
        return {key: {"median": statistics.median(v), "best": max(v), "least": min(v)} for key, v in values.items()}

    def row(self, system, fastest):
        turns, median = self.turns[system.name], self.median(system.name)
        medians = [turn["median_ms"] for turn in turns]
        shares = [self.model.flops / turn["median_ms"] / 1e6 / turn["ceiling_gflops"]
                  for turn in turns if turn["ceiling_gflops"]]
        row = {"system": system.name, "title": TITLES[system.name], **system.facts, "median_ms": median,
               "best_ms": min(turn["best_ms"] for turn in turns), "spread": (max(medians) - min(medians)) / median,
               "gflops": self.model.flops / median / 1e6, "of_ceiling": statistics.median(shares) if shares else None,
               "peak_rss_bytes": max(turn["peak_rss"] for turn in turns),
               "beside_weights_bytes": max(turn["beside_weights"] for turn in turns),
               "difference": self.difference[system.name], "turns": turns}
        if fastest:
            pairs = zip(self.turns[fastest], turns)
            row["times_fastest_peer"] = statistics.median(peer["median_ms"] / own["median_ms"] for peer, own in pairs)
        return row
