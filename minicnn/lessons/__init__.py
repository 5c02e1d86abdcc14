"""Build it yourself: ten lessons of ten minutes, from a dense layer to a tile of the engine.

A lesson is one file, texts/NN_name.md (lesson.py reads it). Scripts (script.py), notebooks
(notebook.py) and the pages in docs/lessons/ are made of it. What a learner has written is run by
work.py and looked at by checks/, a file for each lesson; verdict.py says what came of it.
"""

from minicnn.lessons.lesson import Cell, Lesson, all_lessons, lesson

__all__ = ["Cell", "Lesson", "all_lessons", "lesson"]
