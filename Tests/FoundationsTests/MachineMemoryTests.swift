// Memory figures from the kernel's files.

import Testing

import Foundations

@Suite struct MachineMemoryTests {
  @Test func thisMachineHasMemory() throws {
    let total = try #require(MachineMemory.totalBytes())
    let available = try #require(MachineMemory.availableBytes())
    let resident = try #require(MachineMemory.processResidentBytes())
    #expect(total > 1 << 26)
    #expect(available >= 0 && available <= total)
    #expect(resident > 1 << 20 && resident < total)
  }

  @Test func residentBytesGrowWithUse() throws {
    let before = try #require(MachineMemory.processResidentBytes())
    let bytes = [UInt8](repeating: 1, count: 64 << 20)
    let after = try #require(MachineMemory.processResidentBytes())
    #expect(after - before > 32 << 20, "\(bytes.count)")
  }

  @Test func meminfoIsParsed() {
    let text =
      "MemTotal:       24604152 kB\nMemFree:  1 kB\nMemAvailable:   17 kB\nHugePages_Total:       0\n"
    #expect(MachineMemory.meminfo("MemTotal", in: text) == 24_604_152 * 1024)
    #expect(MachineMemory.meminfo("MemAvailable", in: text) == 17 * 1024)
    #expect(MachineMemory.meminfo("HugePages_Total", in: text) == nil)
    #expect(MachineMemory.meminfo("Mem", in: text) == nil)
    #expect(MachineMemory.meminfo("A", in: "A: 9223372036854775807 kB") == nil)
    #expect(MachineMemory.meminfo("A", in: "A: x kB") == nil)
  }

  @Test func groupsAreFoundUpToTheRoot() {
    #expect(
      MachineMemory.groups(in: "1:name=systemd:/x\n0::/a/b\n") == [
        "/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup",
      ])
    #expect(MachineMemory.groups(in: "0::/\n") == ["/sys/fs/cgroup"])
    #expect(MachineMemory.groups(in: "5:memory:/x\n").isEmpty)
    #expect(MachineMemory.groups(in: "").isEmpty)
  }

  @Test func groupLimitsAreRead() throws {
    let folder = TemporaryFolder()
    func write(_ name: String, _ text: String) throws {
      try AtomicFile.replace("\(folder.path)/\(name)", with: Array(text.utf8))
    }
    #expect(MachineMemory.limit(of: folder.path) == nil)
    try write("memory.max", "max\n")
    #expect(MachineMemory.limit(of: folder.path) == nil)
    #expect(MachineMemory.available(in: folder.path) == nil)
    try write("memory.max", "1000\n")
    #expect(MachineMemory.limit(of: folder.path) == 1000)
    try write("memory.current", "900\n")
    #expect(MachineMemory.available(in: folder.path) == 100)
    try write("memory.stat", "anon 5\nfile 500\ninactive_file 300\nactive_file 1\n")
    #expect(MachineMemory.available(in: folder.path) == 400)
    try write("memory.current", "5000\n")
    #expect(MachineMemory.available(in: folder.path) == 0)
  }
}
