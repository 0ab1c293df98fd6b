"""What every page shares: the shell, its style, its drawings. The console and the lessons fill it."""
