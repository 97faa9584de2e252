// Event files, byte by byte.

import Testing

@testable import EventLog

@Suite struct EventRecordTests {
  /// The examples of RFC 3720, appendix B.4, and the common check value.
  @Test func checksums() {
    #expect(CRC32C.of([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.of([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.of((0..<32).map { UInt8($0) }) == 0x46DD_794E)
    #expect(CRC32C.of((0..<32).reversed().map { UInt8($0) }) == 0x113F_DB5C)
    #expect(CRC32C.of("123456789".utf8) == 0xE306_9283)
    #expect(CRC32C.of([]) == 0)
  }

  /// Bytes that TensorBoard 2.20's own RecordWriter and protobuf classes wrote.
  @Test func golden() {
    #expect(
      hex(EventRecord.version(wallTime_s: 1_700_000_000.5))
        == "1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b353110")
    let scalars = EventRecord.scalars(
      [("eval/mean_return", 487.25), ("learner/loss", 0.1)], step: 431_600, wallTime_s: 1_700_000_001.25)
    #expect(
      hex(scalars)
        == "3d000000000000006049f1ec0900005040fc54d94110f0ab1a2a2e0a170a106576616c2f6d65616e5f72657475726e"
        + "1500a0f3430a130a0c6c6561726e65722f6c6f737315cdcccc3dfe8ef4f3")
  }

  @Test func whatIsNoNumberIsLeftOut() {
    let some = EventRecord.scalars(
      [("a", .nan), ("b", 1), ("c", -.infinity), ("d", 1e300)], step: -5, wallTime_s: 0)
    #expect(some == EventRecord.scalars([("b", 1)], step: 0, wallTime_s: 0))
  }

  @Test func namesSortByTime() {
    let names = [1_700_000_000, 1_700_000_001].map {
      EventRecord.fileName(wallTime_s: $0, host: "h", process: 7)
    }
    #expect(names[0] == "events.out.tfevents.1700000000.h.7.rookery" && names[0] < names[1])
  }

  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
