"""The guest, a disposable virtual machine: its image, QEMU's command line, snapshots, the agent, sessions."""
