package roofline

import (
	"errors"
	"fmt"
	"math"
)

// What an engine takes beside weights and KV blocks, a card. Fixed is the CUDA
// context, its libraries' workspaces and the graphs; a token of the largest
// step takes its activations; a row that is sampled takes its logits in 16 bit
// and, in 32, as scores, sorted scores, indices of 64 bit and probabilities.
const (
	rowBytes    = 2 + 4 + 4 + 8 + 4 // a row and entry of the vocabulary
	fixedMemory = 304.5e6           // bytes
	defaultRows = 256
)

// Overhead is the bytes of a card's memory that are neither weights nor KV
// blocks: fixed + T·(2·hidden + 3·inner)·2 + rows·vocabulary·22, T being the
// largest step's tokens. Its fixed part is set by a measured engine: an RTX 4090
// of 25,250,627,584 bytes with Llama-3.1-8B in bf16, 2,048 tokens a step and
// 256 sequences has 2,588 blocks of 16 tokens at a utilization of 0.9.
func (m *Machine) Overhead(maxBatchedTokens int) float64 {
	mo := m.setup.Model
	rows := m.setup.MaxSeqs
	if rows <= 0 {
		rows = defaultRows
	}
	inner := float64(mo.Inner)
	if mo.Experts > 0 {
		inner = max(inner, float64(mo.Active*mo.ExpertInner+mo.SharedInner))
	}
	t := float64(max(maxBatchedTokens, 1))
	return fixedMemory + t*(2*float64(mo.Hidden)+3*inner/m.p)*2 + float64(rows)*float64(mo.Vocab)*rowBytes
}

// ErrMemory says that a model takes more memory than the cards have.
var ErrMemory = errors.New("does not fit")

// Blocks is how many KV blocks of blockSize tokens fit beside weights and
// overhead when the engine may use the share utilization of the memory. It fails
// with ErrMemory where the model does not fit, and says what is missing.
func (m *Machine) Blocks(utilization float64, blockSize, maxBatchedTokens int) (int, error) {
	if !(utilization > 0 && utilization <= 1) {
		return 0, fmt.Errorf("memory utilization %v: must be above 0 and at most 1", utilization)
	}
	if blockSize < 1 || blockSize > 1<<20 {
		return 0, fmt.Errorf("block size %d: must be between 1 and %d", blockSize, 1<<20)
	}
	c, mo := m.setup.Card, m.setup.Model
	have := utilization * math.Round(c.Memory.Value*(1<<30))
	weights, over := m.cardBytes(), m.Overhead(maxBatchedTokens)
	block := m.kvToken * (m.full + m.window) * float64(blockSize)
	n := math.Floor((have - weights - over) / block)
	if n < 1 {
		gb := (weights + over + block - have) / 1e9
		return 0, fmt.Errorf("%s in %s %w on %d × %s: %.1f GB of weights and %.1f GB beside them leave %.1f GB missing on each card; use more cards (tp), fewer bits (precision) or a card with more memory",
			mo.Name, m.setup.Precision, ErrMemory, m.setup.TP, c.Name, weights/1e9, over/1e9, gb)
	}
	return int(min(n, 1<<31-1)), nil
}

// cardBytes is what the weights take on one card.
func (m *Machine) cardBytes() float64 { return m.WeightBytes() / m.p }

// WeightBytes is what the weights take on all cards of a group together, in
// bytes: layers in the precision's format, embeddings, norms and routers in 16
// bit. Of experts that several groups share it is the group's part.
func (m *Machine) WeightBytes() float64 {
	mo := m.setup.Model
	n := m.ReadBytes(math.Inf(1))
	if !mo.Tied {
		n += 2 * mo.headWeights()
	}
	return n + 2*mo.smallWeights()
}

// ReadBytes is the weights that a step of tokens tokens streams on all cards
// together, in bytes, with the output embedding: fewer experts at few tokens.
func (m *Machine) ReadBytes(tokens float64) float64 {
	n := m.head.weights
	for _, g := range m.dense {
		n += g.weights * g.times
	}
	if m.expert.times > 0 {
		e := float64(m.setup.Model.Experts)
		if !math.IsInf(tokens, 1) {
			e = m.touched(tokens * m.dp)
		}
		n += m.expert.weights * e * m.expert.times
	}
	return n * m.p
}

// KVBytesPerToken is what one token's KV entries take on all cards together.
func (m *Machine) KVBytesPerToken() float64 { return m.kvToken * (m.full + m.window) * m.p }

// Bandwidth is the datasheet's of one card, in bytes a second.
func (m *Machine) Bandwidth() float64 { return m.setup.Card.Bandwidth.Value * 1e9 }

// Peak is the datasheet's rate of one card for the format in use, in operations
// a second, with the name of that rate: fp16, fp8, int8 or fp4.
func (m *Machine) Peak() (float64, string) { return m.fmt.peak, m.fmt.unit }
