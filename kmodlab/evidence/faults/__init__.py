"""Injected faults: every call in init that can fail is made to fail once, each in a guest of its own."""
