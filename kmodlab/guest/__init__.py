"""The disposable machine: image, QEMU command line, snapshot, agent, lifecycle."""
