// Conversations with the replay machine.

import ReplayStore

enum ReplayTarget {
  /// The first byte of an input selects the replay; the rest makes the conversation.
  static func run(_ input: UnsafeRawBufferPointer) {
    var source = ByteSource(input)
    let variants = ReplayVariant.allCases
    let variant = variants[source.below(variants.count)]
    var script = ReplayScript(variant, variant.machine(), source)
    expect(script != nil, "no store can be made of \(variant)")
    script?.run()
  }
}
