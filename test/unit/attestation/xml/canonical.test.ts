import { describe, expect, it } from 'vitest'
import { canonicalXml } from '../../../../src/attestation/xml/canonical.ts'
import { parseXml, type XmlElement, XmlError } from '../../../../src/attestation/xml/parse.ts'

const parse = (text: string): XmlElement => parseXml(new TextEncoder().encode(text))
const canonical = (text: string): string => new TextDecoder().decode(canonicalXml(parse(text)))

describe('XML as read here', () => {
  it.each([
    ['a document type', '<!DOCTYPE a><a/>'],
    ['an entity of its own', '<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>'],
    ['an unknown entity', '<a>&nbsp;</a>'],
    ['an entity named as every object names something', '<a>&constructor;</a>'],
    ['a stray ampersand', '<a>&</a>'],
    ['an ampersand in a value', '<a b="&"/>'],
    ['a comment', '<a><!-- b --></a>'],
    ['a comment before the root', '<!-- b --><a/>'],
    ['an instruction', '<a><?b?></a>'],
    ['a CDATA section', '<a><![CDATA[b]]></a>'],
    ['the end of a CDATA section', '<a>]]></a>'],
    ['another encoding', '<?xml version="1.0" encoding="latin1"?><a/>'],
    ['version 1.1', '<?xml version="1.1"?><a/>'],
    ['a byte order mark', '\ufeff<a/>'],
    ['a control letter', '<a>\u0001</a>'],
    ['a control letter by number', '<a>&#1;</a>'],
    ['half a letter by number', '<a>&#xd800;</a>'],
    ['a letter beyond all', '<a>&#x110000;</a>'],
    ['two roots', '<a/><b/>'],
    ['text after the root', '<a/>b'],
    ['text before the root', 'b<a/>'],
    ['nothing', ''],
    ['an open element', '<a><b></b>'],
    ['an open tag', '<a'],
    ['the end of another element', '<a></b>'],
    ['the end of an element by another prefix', '<p:a xmlns:p="u" xmlns:q="u"></q:a>'],
    ['an attribute twice', '<a b="1" b="2"/>'],
    ['an attribute twice by its namespace', '<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>'],
    ['a namespace twice', '<a xmlns:p="u" xmlns:p="v"/>'],
    ['a prefix of no namespace', '<p:a/>'],
    ['an attribute with a prefix of no namespace', '<a p:b=""/>'],
    ['a prefix without its namespace', '<a xmlns:p=""/>'],
    ['a default namespace taken back', '<a xmlns="u"><b xmlns=""/></a>'],
    ['an attribute of XML', '<a xml:lang="en"/>'],
    ['the prefix of XML declared', '<a xmlns:xml="u"/>'],
    ['a blank in a namespace', '<a xmlns="u v"/>'],
    ['a value without quotation marks', '<a b=c/>'],
    ['a tag in a value', '<a b="<"/>'],
    ['attributes without a blank between', '<a b="1"c="2"/>'],
    ['names beyond ASCII', '<\u00e4/>'],
    ['two colons', '<a:b:c xmlns:a="u"/>'],
    ['too many levels', `${'<a>'.repeat(17)}${'</a>'.repeat(17)}`],
    ['too many elements', `<a>${'<b/>'.repeat(4_096)}</a>`],
    ['too many attributes', `<a ${Array.from({ length: 257 }, (_, at) => `b${at}=""`).join(' ')}/>`],
    ['too many namespaces', `<a ${Array.from({ length: 17 }, (_, at) => `xmlns:n${at}="u"`).join(' ')}/>`],
    [
      'too many namespaces from elements around one',
      `${Array.from({ length: 15 }, (_, at) => `<a xmlns:n${2 * at}="u" xmlns:n${2 * at + 1}="u">`).join('')}${'</a>'.repeat(15)}`,
    ],
  ])('has not %s', (_, text) => {
    expect(() => parse(text)).toThrow(XmlError)
  })

  it('is UTF-8', () => {
    expect(() => parseXml(Uint8Array.of(0x3c, 0x61, 0x3e, 0xff))).toThrow(XmlError)
    expect(parse('<a>\u00e4</a>').children).toEqual(['\u00e4'])
  })
})

describe('canonical XML', () => {
  it.each([
    ['empty elements with an end', '<?xml version="1.0" encoding="UTF-8"?>\n<a  b = "1" />\n', '<a b="1"></a>'],
    [
      'attributes by namespace, then name, after namespaces by prefix',
      '<a xmlns:z="u:1" z:b="2" y:b="1" c="3" xmlns:y="u:2" a="4" xmlns="u:3"/>',
      '<a xmlns="u:3" xmlns:y="u:2" xmlns:z="u:1" a="4" c="3" z:b="2" y:b="1"></a>',
    ],
    [
      'a shorter namespace before a longer',
      '<a xmlns:p="u:1/2" xmlns:q="u:1" p:a="1" q:z="2"/>',
      '<a xmlns:p="u:1/2" xmlns:q="u:1" q:z="2" p:a="1"></a>',
    ],
    [
      'no namespace twice',
      '<a xmlns="u" xmlns:p="v"><p:b xmlns:p="v" xmlns="u"><c xmlns="w"/></p:b></a>',
      '<a xmlns="u" xmlns:p="v"><p:b><c xmlns="w"></c></p:b></a>',
    ],
    ['letters escaped in text', `<a>&lt;&#62;&amp;&#34;'&#13;&#x9;é</a>`, `<a>&lt;&gt;&amp;"'&#xD;\té</a>`],
    [
      'letters escaped in values',
      `<a b='&lt;>&amp;"&apos;&#9;&#10;&#13;'/>`,
      `<a b="&lt;>&amp;&quot;'&#x9;&#xA;&#xD;"></a>`,
    ],
    ['line ends as one letter, in values as blanks', '<a b="1\r\n2\t3">\r\n\r</a>', '<a b="1 2 3">\n\n</a>'],
  ])('has %s', (_, text, expected) => {
    expect(canonical(text)).toBe(expected)
    expect(canonical(expected)).toBe(expected)
  })

  it('of a part has every namespace in its scope, and leaves out what is omitted', () => {
    const root = parse('<a xmlns="u" xmlns:p="v"><p:b><c/></p:b>text</a>')
    const [part] = root.children as [XmlElement, string]
    expect(new TextDecoder().decode(canonicalXml(part))).toBe('<p:b xmlns="u" xmlns:p="v"><c></c></p:b>')
    expect(new TextDecoder().decode(canonicalXml(root, part))).toBe('<a xmlns="u" xmlns:p="v">text</a>')
  })
})
