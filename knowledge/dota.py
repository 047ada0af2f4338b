"""The names that DoTA gives its kinds of accidents, and their codes in its tables."""

CODE_OF = {
    "start_stop_or_stationary": "ST",
    "moving_ahead_or_waiting": "AH",
    "lateral": "LA",
    "oncoming": "OC",
    "turning": "TC",
    "pedestrian": "VP",
    "obstacle": "VO",
    "leave_to_left": "OO",
    "leave_to_right": "OO",
    "unknown": "UK",
}
CODES = tuple(dict.fromkeys(CODE_OF.values()))
EXAMPLE_OF = {code: name for name, code in reversed(CODE_OF.items())}
"""A name for each code, the first one where there are two."""
