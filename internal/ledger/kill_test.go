package ledger_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/ledger"
)

// victim makes the test binary a process that appends to the ledger the variable names until it is killed, and says
// so each time an append has been acknowledged.
const victim = "LEDGER_TEST_VICTIM"

func TestMain(m *testing.M) {
	if p := os.Getenv(victim); p != "" {
		l, err := ledger.Open(p)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		for {
			if err := l.Append(entry(1)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			seq, _ := l.Head()
			os.Stdout.WriteString(strconv.FormatUint(seq, 10) + "\n")
		}
	}
	os.Exit(m.Run())
}

// What was acknowledged survives a kill, whenever it comes, and the next process goes on where the last one ended.
func TestKilledWriterLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	p := path(t)
	for range 8 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), victim+"="+p)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		acknowledged := 0
		var killer *time.Timer
		for s := bufio.NewScanner(out); s.Scan(); {
			if killer == nil { // it runs: now it may die at any moment
				killer = time.AfterFunc(rand.N(20*time.Millisecond), func() { cmd.Process.Kill() })
			}
			// The last line may be cut short by the kill; a shorter number only asks for less.
			if n, err := strconv.Atoi(s.Text()); err == nil {
				acknowledged = max(acknowledged, n)
			}
		}
		cmd.Wait()
		if acknowledged == 0 {
			t.Fatal("the writer was not heard of")
		}
		report, err := ledger.Verify(p)
		if err != nil || report.Records < acknowledged {
			t.Fatalf("%d acknowledged; %+v, %v", acknowledged, report, err)
		}
		l, err := ledger.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		if l.Torn() != report.Torn {
			t.Errorf("Open cut off %d bytes, Verify saw %d", l.Torn(), report.Torn)
		}
		l.Close()
	}
}
