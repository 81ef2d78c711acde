// Command tokmeter measures online serving of large language models.
package main

import (
	"os"

	"tokmeter/internal/cli"
)

func main() { os.Exit(cli.Main(cli.OS())) }
