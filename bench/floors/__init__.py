"""The least that any program must do, for each way to hear of a change: programs of their own, that know nothing of us.

Each posts a body that lies ready, handed to it on stdin: once when it is ready, and once after each change.
"""
