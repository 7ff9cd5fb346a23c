"""C to .ko: sources, the real kbuild in the sandbox, and what the compiler says as data, with hints."""
