"""Decides which times are blocked and gets them to the portal; touches nothing outside itself.

Read it from the bottom of the street to its top: `faults`, `spans`, `model`, `limits`, `walltime`,
`occupancy`, `plan`, `pace`, `ports`, `workqueue`, `gate`, `reconcile`, `runtime`. Nothing here imports an
adapter, a driver or the environment; time and chance are passed in.
"""
