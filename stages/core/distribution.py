"""`runtime.distribution`: whether a stage works alone or shares its work with other devices and processes."""

from collections.abc import Iterator
from contextlib import contextmanager

from stages.core.errors import InputError
from stages.core.launchers import read_place
from stages.core.params import read_params
from stages.core.processes import ALONE, Processes
from stages.core.runtime import Runtime, require_backend


@contextmanager
def together() -> Iterator[Processes]:
    """The processes that work on this stage, for as long as the block lasts; all but process 0 end after it.

    Raises
    ------
    InputError
        Keras has another backend than `runtime.distribution` needs, the launcher's variables are not right,
        or it has started several processes and `runtime.distribution` is none.
    """
    place = read_place()
    if read_params("runtime", Runtime).distribution == "none":
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
        from stages.core.joined_processes import joined

        with joined(place) as processes:
            yield processes
