"""drawing.py: systems that draw whole pictures, and their measurement in turns; see systems.py and rounds.py.

A turn is one picture, after a drawing of one step to warm up.
"""
import os
import statistics
import zipfile

from common import note, picture_difference, read_npy
from pipeline import picture_file
from rounds import Measurement
from systems import Peer, Sdc


class SdcPictures(Sdc):
    def first(self, info):
        """Draws; the ids that the other systems must have, and the work, are known from then on."""
        folder = self.program + "-trace"
        self.command(f"--save-latents={self.output}", f"--trace={folder}.npz", f"--output={self.program}.png")
        with zipfile.ZipFile(folder + ".npz") as arrays:
            arrays.extractall(folder)
        os.replace(os.path.join(folder, "decoded.npy"), picture_file(self.output))
        (rows, length), ids = read_npy(os.path.join(folder, "input_ids.npy"), "<i8")
        (evaluations,), _ = read_npy(os.path.join(folder, "timesteps.npy"), "<f8")
        self.model.spec["ids"] = [list(ids[row * length:][:length]) for row in range(rows)]
        times = {"text_encoder@b1": rows, f"unet@b{rows}-{self.model.size}": evaluations,
                 f"vae_decoder@b1-{self.model.size}": 1}
        self.model.flops = sum(times.get(program["name"], 0) * program["flops"] for program in info["programs"])

    def parts(self, times):
        return {"text_ms": times["prompt_ms"], "decode_ms": times["decode_ms"]}


class PeerPictures(Peer):
    script, beside = "picture_peer.py", 2 << 30                     # the decoder's values, and PyTorch in every peer


class PictureMeasurement(Measurement):
    """One pipeline, one type."""

    def __init__(self, *given):
        super().__init__(*given)
        self.pictures = {}                                          # system -> its picture's distance

    def make(self, name):
        kind = [self.model, self.dtype, self.options, self.work]
        return SdcPictures(*kind) if name == "sdc" else PeerPictures(name, *kind)

    def runs(self, reference):
        return 1

    def compare(self, system, reference):
        self.pictures[system.name] = picture_difference(picture_file(system.output), picture_file(reference))
        try:
            super().compare(system, reference)
        finally:
            note(f"  {system.name}: latents {self.difference[system.name]:.2g} from sdc f32, picture "
                 f"{self.pictures[system.name]:.3g} of 255")

    def result(self):
        spec = self.model.spec
        return {**super().result(), "size": self.model.size, "steps": spec["steps"], "guidance": spec["guidance"],
                "scheduler": self.model.scheduler, "prompt": spec["prompt"]}

    def row(self, system, fastest):
        row = super().row(system, fastest)
        turns = row["turns"]
        for part in ("text_ms", "decode_ms"):
            row[part] = statistics.median(turn[part] for turn in turns)
        row["step_ms"] = statistics.median((turn["median_ms"] - turn["text_ms"] - turn["decode_ms"])
                                           / self.model.spec["steps"] for turn in turns)
        return {**row, "picture_difference": self.pictures[system.name]}
