"""The names that DoTA gives its kinds of accidents, and the codes of its tables."""

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
NAME_OF = {code: name for name, code in reversed(CODE_OF.items())}  # the first where there are two
