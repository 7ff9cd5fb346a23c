"""C to .ko: sources, the real kbuild, the compiler's words as data, and the sandbox that all of it runs in."""
