"""What is usual in a pixel's year, departures from it told as they come, and the state between."""
