// The name under which a learner keeps its files.

internal import Experience
internal import Foundations

/// `learner-N`, a name in a run's folder that one learner process holds. Containers of a service
/// share a volume and all call themselves 1; without it they would replace each other's files, and
/// take over each other's optimizer.
struct LearnerName {
  let text: String
  /// Held until the process ends; nil if no lock could be had.
  private let lock: FileLock?

  private static let numberMax = 1024

  /// The own number's name. If another process holds it for more than 2 s (a process that is being
  /// killed does for a moment), the first name that is free.
  ///
  /// A disk that is full or takes no locks must not keep a learner from training: it then goes on
  /// under its own name, and says so.
  static func claim(in runDirectory: String, replica: Int, _ log: Log) -> LearnerName {
    let own = replica + 1
    do {
      try FolderPath.make("\(runDirectory)/locks")
      for (number, patience) in [(own, 2.0)] + (1...numberMax).filter({ $0 != own }).map({ ($0, 0.0) }) {
        let name = name(number)
        guard let lock = try FileLock.acquire("\(runDirectory)/locks/\(name)", patience: .seconds(patience))
        else { continue }
        if number != own {
          log.info(
            "another process holds the files of \(Self.name(own)) in \(runDirectory): mine are \(name)")
        }
        return LearnerName(text: name, lock: lock)
      }
      log.warning(
        "\(runDirectory)/locks: all of \(numberMax) names are held; files are those of \(name(own))")
    } catch {
      log.warning("\(error): files are those of \(name(own)), whether another learner uses them or not")
    }
    return LearnerName(text: name(own), lock: nil)
  }

  private static func name(_ number: Int) -> String { "\(ServiceKind.learner.rawValue)-\(number)" }
}
