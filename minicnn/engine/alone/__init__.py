"""What stands alone, behind no convolution: a normalisation, an activation, or both.

step.py the step; passes.py what the threads do of it
"""
