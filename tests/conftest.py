"""What every test stands on: Hypothesis finds the same examples each time, and no example fails for being slow."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "ceralacca",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("ceralacca")
