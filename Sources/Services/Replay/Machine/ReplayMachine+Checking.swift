// Steps of an earlier incarnation that did not end in order are checked while others are served.

internal import ReplayStore

extension ReplayMachine {
  /// Bytes checked between two looks at the sockets: some 0.5 ms.
  static let checkSlice = 4 << 20

  /// Files that were shorter than what had been written to them when it started.
  var filesDamaged: Int {
    store.recovery.map { $0.damagedFiles.count + ($0.hasLostHeader ? 1 : 0) } ?? 0
  }

  /// Has the next steps that are in doubt read by another thread, so that nobody waits for the
  /// disk.
  mutating func requestCheck() {
    guard store.stepsInDoubt > 0 else { return }
    var pages = ColdPages()
    store.coldPagesInDoubt(bytes: Self.checkSlice, into: &pages)
    prefetch.check(pages)
  }

  /// Checks what has been read, and goes on with what follows.
  mutating func check() {
    prefetch.endCheck()
    store.verify(bytes: Self.checkSlice)
    requestCheck()
    if prefetch.checkingTicket == nil { notices.append("all steps are checked") }
  }

  /// Says what has been dropped since it was last said, at its start or by a draw too.
  mutating func sayDamage() {
    let damage = store.damage
    guard damage != damageSaid else { return }
    warnings.append(
      "dropped \(damage.steps - damageSaid.steps) steps that were not whole on the disk, and "
        + "\(damage.items - damageSaid.items) items that needed them or could not be")
    damageSaid = damage
  }
}
