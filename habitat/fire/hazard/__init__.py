"""Monthly fire hazard: what is known before a month begins, a calibrated model of it, and its skill."""
