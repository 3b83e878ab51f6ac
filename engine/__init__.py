"""Decides which times are blocked and gets them to the portal; touches nothing outside itself.

Read it from the values up: `faults`, `spans`, `model`, `limits`, `walltime`; then what is decided without waiting:
`occupancy`, `plan`, `pace`; then what is needed of the world: `ports`; then the one street of the data: `workqueue`,
`gate`, `window`, `memory`, `calendar`, `look`, `reconcile`, `errands`, `runtime`. Nothing here imports an adapter, a
driver or the environment; time and chance are passed in.
"""
