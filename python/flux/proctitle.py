"""flux.proctitle - the name that ps and top show for this process"""

# The kernel keeps 15 bytes (TASK_COMM_LEN less a NUL).
_SIZE_MAX = 15


def set_proctitle(name):
    """Rename the process, where the system has a way to; else do nothing."""
    try:
        with open("/proc/self/comm", "wb", buffering=0) as comm:
            comm.write(name.encode()[:_SIZE_MAX])
    except OSError:
        pass
