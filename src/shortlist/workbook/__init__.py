"""Works out the lessons' sheets: trainings, sweeps and worlds too slow for a slider. May train; never serves."""
