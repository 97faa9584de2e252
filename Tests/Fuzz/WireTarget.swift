// Every decoder of `Wire`, with arbitrary bytes.

import Experience
import Wire

/// An input is one frame, which is read as the message that it names.
enum WireTarget {
  static func run(_ input: UnsafeRawBufferPointer) {
    do throws(WireError) {
      // The schema of the published INSERT.
      try MessageReader(schema: .discrete(observation: [4])).read(input)
    } catch {
      expect((0...input.count).contains(error.offset), "\(error): there are \(input.count) bytes")
      expect(error.description.utf8.count < 4096, "a reason of \(error.description.utf8.count) bytes")
    }
  }
}
