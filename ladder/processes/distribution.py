"""`runtime.distribution`: whether a stage works alone or shares its work with other devices and processes."""

from collections.abc import Iterator
from contextlib import contextmanager

from ladder.files.errors import InputError
from ladder.processes.launchers import read_place
from ladder.processes.processes import ALONE, Processes
from ladder.training.runtime import require_backend


@contextmanager
def together(distribution: str) -> Iterator[Processes]:
    """The processes that work on this stage, for as long as the block lasts; all but process 0 end after it.

    `distribution` is `runtime.distribution`.

    Raises
    ------
    InputError
        Keras has another backend than `runtime.distribution` needs, the launcher's variables are not right,
        or it has started several processes and `runtime.distribution` is none.
    """
    place = read_place()
    if distribution == "none":
        require_backend("tensorflow", "runtime.distribution: none")
        if place and place.index:
            raise InputError(
                f"params.yaml: runtime.distribution: none: for one process, and this is number {place.index} "
                f"of {place.count}; data_parallel is for several"
            )
        yield ALONE
        return
    require_backend("jax", "runtime.distribution: data_parallel")
    # JAX is an extra: what is below needs it.
    if place is None:
        import jax

        alone = Processes()
        alone.devices = jax.device_count()
        yield alone
    else:
        from ladder.processes.joined import joined

        with joined(place) as processes:
            yield processes
