"""Who is shown in which sponsored slot, and what a click costs."""
