"""Jobs: from a configuration to published products, in the right order and with everything written down."""

from habitat.jobs.kernel_files import keep_variants_apart

# Before anything a job does calls a compiled kernel: jobs started at the same moment share numba's cache.
keep_variants_apart()
