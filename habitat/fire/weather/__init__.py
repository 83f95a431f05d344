"""Weather to moisture codes, fire seasons and danger classes: the equations behind `habitat.fire.weather_index`."""
