"""The course: lessons whose widgets run the engine that serves."""
