"""Sources: where candidates come from, and how well a query and an item match."""
