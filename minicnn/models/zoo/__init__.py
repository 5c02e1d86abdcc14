"""Networks that are known by name, written once: what `minicnn.applications` offers.

frame.py            what all of them have: pictures at the beginning, a decision at the end
blocks.py           convolution, normalisation, ReLU
documented.py       the network of README and the examples, and a smaller one
vgg.py              stages of convolutions of one size: LargeCNN, ConvolutionalCNN
resnet.py           residual networks: ResNet20, ResNet32, ResNet56, ResNet18
resnet50.py         the residual network of bottlenecks, as in keras.applications
squeeze.py          residual blocks that weigh their channels: SEResNet20
inception.py        parallel convolutions, joined: SmallInception
mobilenet_v2.py     inverted residuals of few operations: MobileNetV2, SmallMobileNetV2
efficientnet.py     both of these in one: EfficientNetB0, as in keras.applications
"""
