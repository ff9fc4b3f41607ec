"""A damaged object in DVC's cache, which DVC itself does not see, is found, removed and made again."""

import shutil
import sys

from tests.pipeline.remotes import damage, objects_of
from tools.pipeline.clones import differences, run_in

CHECK = [sys.executable, "-m", "tools.pipeline.check_cache"]
MODEL = "models/linreg.npz"


def test_a_damaged_object_goes_and_its_output_is_made_again(light_clone, tmp_path):
    folder = tmp_path / "clone"
    shutil.copytree(light_clone, folder, symlinks=True)
    count = len(objects_of(folder))
    assert run_in(folder, *CHECK).stdout.startswith(f"{count} objects in DVC's cache have the bytes")

    name = objects_of(folder)[MODEL]
    damage(folder / ".dvc/cache" / name)
    (folder / MODEL).unlink()
    run_in(folder, "dvc", "checkout", MODEL)  # takes it as it is
    assert "other bytes" in "".join(differences(light_clone, folder))

    done = run_in(folder, *CHECK, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"error: damaged and removed: .dvc/cache/{name}, {MODEL}; `make repro` brings back what it needs\n"
    )
    assert (
        "Running stage 'train-linreg'" in run_in(folder, sys.executable, "-m", "tools.pipeline.repro").stdout
    )
    assert differences(light_clone, folder) == []
    run_in(folder, *CHECK)
