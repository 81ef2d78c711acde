package wire

func openFiles() int { return 1 << 14 }
