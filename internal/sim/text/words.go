package text

import "strings"

// A class is a part of speech.
type class int

const (
	detOne class = iota // before a noun in the singular
	detMany
	article // a, an: chosen by the word that follows
	adjective
	nounOne
	nounMany
	pronoun
	pronounMany
	actedOn // transitive verbs in the past
	acted   // intransitive verbs in the past
	act     // transitive verbs in their base form
	modal
	manner
	preposition
	joint  // joins clauses, after a comma
	opener // begins a sentence, before a comma
	wasOne
	wasMany
	comma
	stop
	pause     // ends a paragraph
	accented  // nouns with letters of several bytes
	symbolics // signs of several bytes that stand as words
	classes
)

// words are the words of a class, split by spaces. All verbs are in the past, so
// that they agree with every noun.
func words(c class) []string {
	switch c {
	case comma:
		return []string{","}
	case stop:
		return []string{"."}
	case pause:
		return []string{".\n\n"}
	}
	return strings.Fields([classes]string{
		detOne:  "the this that every each one another our their the the",
		detMany: "the these those many several some few most two three our their the",
		article: "a an",
		adjective: `small old new long quiet bright simple early common clear deep full green heavy large light local
			main narrow open plain public quick rare red rich round safe sharp short slow soft steady strong sudden
			warm white whole wide young careful certain complete distant easy empty exact familiar final fresh
			honest important interesting modern natural normal patient practical previous private proper ready
			recent separate serious similar single special useful usual various wooden ancient active`,
		nounOne: `river house garden letter table window question answer city village road bridge story reason
			market engine machine light morning evening winter summer teacher student worker doctor captain
			driver farmer child friend stranger neighbor family company office school station harbor island
			mountain valley forest field tree stone fire storm cloud wind season moment problem method system
			plan model number record report paper book page word voice song picture color line circle corner
			center border surface glass metal paper door wall floor roof room kitchen street train ship boat
			car wheel clock tool box key map signal message project idea theory result change difference event
			decision mistake chance choice lesson example measure pattern process structure source journey`,
		nounMany: `rivers houses gardens letters tables windows questions answers cities villages roads bridges
			stories reasons markets engines machines lights teachers students workers doctors drivers farmers
			children friends neighbors families companies offices schools stations islands mountains trees
			stones fires storms clouds winds seasons moments problems methods systems plans models numbers
			records reports papers books pages words voices songs pictures colors lines circles corners
			surfaces doors walls rooms streets trains ships boats cars wheels tools boxes keys maps signals
			messages projects ideas results changes differences events decisions lessons examples patterns`,
		pronoun: "she he it everyone nobody someone", pronounMany: "we they",
		actedOn: `found built kept left saw took made moved carried changed opened closed followed reached watched
			measured described explained remembered noticed repaired painted crossed counted covered chose
			created discovered drew filled gave held joined learned lost marked met needed offered passed
			prepared protected received replaced returned showed shared studied supported taught tested
			touched used visited wanted wrote read heard understood improved collected checked`,
		acted: `arrived waited worked slept changed moved stopped began returned disappeared appeared grew fell
			rose spoke listened smiled laughed remained failed succeeded turned ended happened continued
			agreed stayed walked traveled ran stood`,
		act: `find build keep leave see take make move carry change open close follow reach watch measure
			describe explain remember notice paint cross count cover choose create draw fill give hold join
			learn lose mark meet need offer pass prepare protect receive replace return show share study
			support teach test touch use visit want write read hear understand improve collect check`,
		modal: "could would might should must can will may",
		manner: `slowly quickly carefully quietly often rarely again together alone early late today twice
			already finally suddenly easily clearly almost never always soon later outside inside here there`,
		preposition: `in on near behind under over with without from into through across around between beside
			before after during against toward for of about at by`,
		joint:  "and but so while because although when until since yet or before after where",
		opener: "however later then today perhaps sometimes meanwhile indeed instead finally still often here now",
		wasOne: "was seemed became remained looked felt", wasMany: "were seemed became remained looked felt",
		accented:  "café façade jalapeño crème brûlée piñata château naïveté smörgåsbord über señor fjörd Zürich 東京 Київ résumé",
		symbolics: "→ — … 😀 🚀 é",
	}[c])
}
