"""What a run is: its context and steps, the locks, how it is interrupted and how it is shown."""
