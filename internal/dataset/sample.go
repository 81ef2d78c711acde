package dataset

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// SamplePath stands for the sample inside: 400 conversations in ShareGPT's form,
// which need no file and no network. Their texts are made of ordinary words and
// mean nothing; their lengths spread as those of people do, with short prompts,
// a few very long ones, and answers of some hundred words.
const SamplePath = "tokmeter:sample"

const sampleSize = 400

// Sample is the sample's bytes, the same ones every time.
func Sample() []byte {
	type turn struct {
		From  string `json:"from"`
		Value string `json:"value"`
	}
	type conversation struct {
		ID    string `json:"id"`
		Turns []turn `json:"conversations"`
	}
	w := writer{state: 1}
	all := make([]conversation, sampleSize)
	for i := range all {
		all[i] = conversation{"sample" + strconv.Itoa(i), []turn{
			{"human", w.text(w.words(45, 1.3, 4, 700))},
			{"gpt", w.text(w.words(150, 0.9, 8, 800))},
		}}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(all) // strings alone
	return b.Bytes()
}

// A writer makes sentences by splitmix64.
type writer struct{ state uint64 }

func (w *writer) draw(n int) int {
	w.state += 0x9e3779b97f4a7c15
	z := w.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(n))
}

// words is a length around a median, log-normal with deviation sigma, within
// bounds.
func (w *writer) words(median, sigma float64, least, most int) int {
	const fine = 1 << 30
	u, v := float64(w.draw(fine)+1)/fine, float64(w.draw(fine))/fine
	z := math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*v)
	return min(max(int(median*math.Exp(sigma*z)), least), most)
}

// text is so many words in sentences and paragraphs.
func (w *writer) text(n int) string {
	var b strings.Builder
	left := 0 // words of the sentence
	for i := range n {
		word := sampleWords[w.draw(len(sampleWords))]
		switch {
		case left == 0:
			left = 5 + w.draw(14)
			if i > 0 {
				b.WriteString(". ")
				if w.draw(6) == 0 {
					b.WriteString("\n\n")
				}
			}
			word = strings.ToUpper(word[:1]) + word[1:]
		case w.draw(11) == 0:
			b.WriteString(", ")
		default:
			b.WriteByte(' ')
		}
		b.WriteString(word)
		left--
	}
	b.WriteByte('.')
	return b.String()
}

var sampleWords = strings.Fields(`
the a this that each some any one two three first last next other same and or but so then when where while because if
of in on at by for with without from into over under between after before during through about against near beside
time day week month year hour minute morning evening night moment season winter summer spring autumn rain wind snow cloud
water river lake sea shore bridge road path street city village house room door window wall roof garden field forest hill
table chair lamp book page letter word line number list map picture paper pen key box bag cup plate bread salt sugar apple
teacher student child friend neighbour doctor farmer baker driver writer reader engineer manager customer visitor guest owner
work plan idea question answer problem solution example reason result change choice chance rule order request report account
machine engine server client network signal message packet file table index query cache memory disk process thread clock
measure count weigh compare describe explain write read send receive open close start stop wait move carry build repair
draw paint sing listen speak ask tell show find lose keep leave return follow lead meet help learn teach remember forget
good new old long short high low large small early late quick slow bright dark warm cold heavy light open quiet loud clear
simple careful useful common rare strong weak full empty round flat deep wide narrow clean dry wet soft hard sharp smooth
is was are were has had can could will would may might should must does did goes went comes came makes made takes took
not never always often sometimes usually perhaps almost nearly still already again together apart away back here there up down
`)
