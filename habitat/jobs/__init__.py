"""Jobs: from a configuration to published products, in the right order and with everything written down."""
