"""Training: when it is due, how it is fitted, and which challenger becomes champion."""
