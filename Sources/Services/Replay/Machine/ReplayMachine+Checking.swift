// Checks steps of an earlier incarnation that did not end in order, while others are served.

internal import ReplayStore

extension ReplayMachine {
  /// Bytes checked between two polls of the sockets: about 0.5 ms.
  static let checkSlice = 4 << 20

  /// Files that were shorter at the start than what had been written to them.
  var filesDamaged: Int {
    store.recovery.map { $0.damagedFiles.count + ($0.hasLostHeader ? 1 : 0) } ?? 0
  }

  /// Has another thread read the next steps in doubt, so that the service does not wait for the
  /// disk.
  mutating func requestCheck() {
    guard store.stepsInDoubt > 0 else { return }
    var pages = ColdPages()
    store.coldPagesInDoubt(bytes: Self.checkSlice, into: &pages)
    prefetch.check(pages)
  }

  /// Checks the steps that were read, and requests the next ones.
  mutating func check() {
    prefetch.endCheck()
    store.verify(bytes: Self.checkSlice)
    requestCheck()
    if prefetch.checkingTicket == nil { notices.append("all steps are checked") }
  }

  /// Warns of steps and items that were dropped since the last warning, at the start or by a draw.
  mutating func reportDamage() {
    let damage = store.damage
    guard damage != damageReported else { return }
    warnings.append(
      "dropped \(damage.steps - damageReported.steps) steps that were not whole on the disk, and "
        + "\(damage.items - damageReported.items) items that needed them or were damaged")
    damageReported = damage
  }
}
