"""Networks as classifiers of scikit-learn: in pipelines, grid searches and cross-validation.

classifier.py    the classifier
routed.py        its parameters, and those that begin with model__
pictures.py      rows of a table as pictures
labels.py        labels of any kind as what a loss wants
networks.py      the network that is trained, and how
small.py         the one that is used where none is given
stored.py        what pickle keeps of it: the bytes of model files

It needs scikit-learn: pip install "minicnn[sklearn]".
"""

try:
    from minicnn.sklearn.classifier import CNNClassifier
except ImportError as error:
    if not (error.name or "").startswith("sklearn"):
        raise
    raise ImportError(
        "minicnn.sklearn expected scikit-learn 1.6 or later, which is not installed: pip install "
        '"minicnn[sklearn]"'
    ) from error

from minicnn.names import missing_from

__all__ = ["CNNClassifier"]

__getattr__ = missing_from(__name__, "sklearn", __all__)
