"""From what several sources found to one order: rank scores, quotas, and weights fitted on held-out positives."""
