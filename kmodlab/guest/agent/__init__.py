"""The guest agent: a C program in the guest, and the client on the host that talks to it."""
