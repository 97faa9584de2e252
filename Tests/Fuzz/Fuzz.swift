// Where libFuzzer begins.

import Foundations
import Glibc

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@_silgen_name("LLVMFuzzerMutate")
private func mutate(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ countMax: Int) -> Int

private enum Target: String, CaseIterable {
  case wire, replay, folder, recording
}

private let target: Target? = CommandLine.arguments.dropFirst().first.flatMap(Target.init)

/// `RookeryFuzz TARGET [options of libFuzzer, folders of inputs, or inputs]`, or `RookeryFuzz
/// TARGET --seeds FOLDER FRAMES` to write the first inputs to FOLDER; FRAMES is the file of
/// published frames.
@_cdecl("RookeryFuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
  guard let target else {
    print("expected a target (\(Target.allCases.map(\.rawValue).joined(separator: ", "))) as first argument")
    return 2
  }
  let words = CommandLine.arguments
  if words.count == 5, words[2] == "--seeds" {
    let seeds =
      switch target {
      case .wire: Seeds.frames(words[4])
      case .replay: Seeds.conversations()
      case .folder: Seeds.folders()
      case .recording: RecordingTarget.seeds(Seeds.frames(words[4]))
      }
    Seeds.write(seeds, to: words[3])
    return 0
  }
  if target == .folder { FolderTarget.prepare() }
  // libFuzzer counts an abort as a finding.
  signal(SIGPROF) { _ in abort() }
  // The arguments without the target.
  arguments[1] = arguments[0]
  var rest = arguments + 1
  var left = count - 1
  return switch target {
  case .wire: runDriver(&left, &rest) { input(WireTarget.run, $0, $1) }
  case .replay: runDriver(&left, &rest) { input(ReplayTarget.run, $0, $1) }
  case .folder: runDriver(&left, &rest) { input(FolderTarget.run, $0, $1) }
  case .recording: runDriver(&left, &rest) { input(RecordingTarget.run, $0, $1) }
  }
}

/// Limits an input's CPU time. Unlike libFuzzer's own limit it does not count time while the
/// process is paused.
private let secondsMax = 10

private func input(
  _ run: (UnsafeRawBufferPointer) -> Void, _ data: UnsafePointer<UInt8>?, _ count: Int
) -> CInt {
  var limit = itimerval()
  limit.it_value.tv_sec = secondsMax
  setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &limit, nil)
  run(UnsafeRawBufferPointer(start: data, count: count))
  return 0
}

/// libFuzzer calls this to make an input from another. Frames are mostly changed element by
/// element.
@_cdecl("LLVMFuzzerCustomMutator")
public func customMutator(
  _ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ countMax: Int, _ seed: CUnsignedInt
) -> Int {
  guard target == .wire, seed % 4 != 0 else { return mutate(data, count, countMax) }
  let frame = Array(UnsafeBufferPointer(start: data, count: count))
  return write(changed(frame, frame, countMax, seed), to: data) ?? mutate(data, count, countMax)
}

/// libFuzzer calls this to make an input from two others.
@_cdecl("LLVMFuzzerCustomCrossOver")
public func customCrossOver(
  _ first: UnsafePointer<UInt8>, _ firstCount: Int, _ second: UnsafePointer<UInt8>, _ secondCount: Int,
  _ out: UnsafeMutablePointer<UInt8>, _ countMax: Int, _ seed: CUnsignedInt
) -> Int {
  let first = Array(UnsafeBufferPointer(start: first, count: firstCount))
  let second = Array(UnsafeBufferPointer(start: second, count: secondCount))
  if target == .wire { return write(changed(first, second, countMax, seed), to: out) ?? 0 }
  var generator = SeededGenerator(seed: UInt64(seed))
  let start = first.prefix(generator.below(first.count + 1))
  return write(Array((start + second.suffix(generator.below(second.count + 1))).prefix(countMax)), to: out)
    ?? 0
}

private func changed(_ frame: [UInt8], _ other: [UInt8], _ countMax: Int, _ seed: CUnsignedInt) -> [UInt8]? {
  var mutator = MsgpackMutator(generator: SeededGenerator(seed: UInt64(seed)))
  return mutator.mutate(frame, other: other, maxBytes: countMax)
}

private func write(_ bytes: [UInt8]?, to data: UnsafeMutablePointer<UInt8>) -> Int? {
  guard let bytes else { return nil }
  data.update(from: bytes, count: bytes.count)
  return bytes.count
}
