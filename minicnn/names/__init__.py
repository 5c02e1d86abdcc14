"""What is said to users who type a name that is not there: misspelt, or Keras'.

arguments.py, attributes.py and modules.py are three places where a name can be missing, and words.py finds the sentence
for it in the keras_*.py, which are tables.
"""
