"""What products are built with: settings, inputs and steps that several of them share, or that one file cannot hold."""
