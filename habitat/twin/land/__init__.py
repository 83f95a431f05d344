"""The truth of a twin: land, vegetation, weather, fires and clearings, as functions of place and date."""
