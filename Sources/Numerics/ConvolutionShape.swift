// The sizes of a convolution without padding.

struct ConvolutionShape: Hashable {
  var planes: Int
  var height: Int
  var width: Int
  var outputs: Int
  var kernel: Int
  var stride: Int

  var outputHeight: Int { (height - kernel) / stride + 1 }
  var outputWidth: Int { (width - kernel) / stride + 1 }
  /// Positions of the output image.
  var positions: Int { outputHeight * outputWidth }
  var inputCount: Int { planes * height * width }
  var outputCount: Int { outputs * positions }
  /// Consecutive floats of one row of a patch, as images are channels last.
  var run: Int { kernel * planes }
}
